"""Who runs next: one loop over steps, and strategies that only answer that question."""
