"""What of a Kubernetes cluster can be had without one: pods in namespaces of their own, run by an OCI runtime.

Helm's order, the kubelet's volumes, probes and signals, the Services' addresses, the network policies and the names are
played here, each as far as what the chart makes depends on it. What is not played is refused with an `AssertionError`,
so that a chart that begins to use it is not tested in appearance only.
"""
