"""The ledger of the emulated platform: orders, their units and money, and the rules that change them.

Every change is a pure function from an order to the next one; the book alone remembers.
"""
