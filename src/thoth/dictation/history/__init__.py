"""The history of dictations: a database beside the recordings, for any number of processes."""
