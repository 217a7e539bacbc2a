"""What a kernel offers to its code: one file per primitive, kernel names, semantics in view."""
