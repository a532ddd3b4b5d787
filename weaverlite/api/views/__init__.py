"""HTTP views, one module a family of resources; each view is a few lines around a use case."""
