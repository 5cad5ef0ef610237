"""Upstairs: watches scheduled jobs and faces the world. It enters `alerting` by one door, `alerting.desk`."""
