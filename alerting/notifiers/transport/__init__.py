"""Ways to the network that notifiers share: HTTP, SMTP, and the guard on outgoing connections."""
