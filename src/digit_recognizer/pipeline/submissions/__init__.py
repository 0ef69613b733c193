"""Submissions: the log, the upload, the leaderboard."""
