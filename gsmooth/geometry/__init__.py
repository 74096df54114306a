"""Mathematics of images that transformations share: interpolation, rings, Fourier pairs, z-spaces.

Public, for plugins: nothing here is about one transformation.
"""
