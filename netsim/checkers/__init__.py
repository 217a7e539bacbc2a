"""Is this execution right: observers and end-of-run checks that know nothing of strategies."""
