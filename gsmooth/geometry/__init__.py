"""Mathematics of images for plugins: interpolation bounds, rings, Fourier pairs, z-spaces.

The functions are public. Each serves several transformations.
"""
