"""Coming over from another system: its schedules, policies and people as lines of heartbeat.yaml.

A reader for each system turns its answers into one neutral form, `collected`, which `written` prints.
"""
