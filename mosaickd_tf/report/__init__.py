"""Reports for users: the page of a run, tables of results, charts."""
