"""The calls of a :class:`~weaverlite.client.client.WeaverClient`, by what they are about: one mixin a module."""
