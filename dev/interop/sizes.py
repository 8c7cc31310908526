"""Sizes that follow from what was drawn."""


class Sizes:
    """What follows from heads, head_dim, patch and window (patches down and across) of a drawn architecture; sizes are in pixels."""

    @property
    def dim(self):
        return self.heads * self.head_dim

    @property
    def height(self):
        return self.patch * self.window[0]

    @property
    def width(self):
        return self.patch * self.window[1]

    @property
    def square(self):
        return self.window[0] == self.window[1]
