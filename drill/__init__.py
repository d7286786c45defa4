"""The drill: a black-box judge that breaks everything around Orderwire, then looks whether all ended right.

It imports neither the application nor the sandbox; it starts them as processes and speaks to them over
HTTP, Redis and TCP.
"""
