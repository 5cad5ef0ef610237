"""Upstairs: watches scheduled jobs and faces the world. It enters `alerting` by one door, `alerting.desk`."""

import alerting as _alerting  # noqa: F401  # it decides whose rules of time zones are in force
