"""The sections of the report: each makes of a run what its template shows."""
