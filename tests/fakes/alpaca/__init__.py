"""An Alpaca that is not: REST, data streams and trade updates on one loopback port, with faults by script.

market    what the tape has told so far: quotes, bars, contracts, chains
exchange  orders, fills, positions and cash; what a quote fills is decided by the paper exchange's own function
rendered  orders, positions, quotes and bars as Alpaca words them
faults    the script: what goes wrong, for which call or message, how often
trading, data   the REST answers; rest turns them into HTTP, and the script's faults with them
streams, updates   the websockets of market data and of the account
player    releases the tape's events, in lock step or at a speed
control   /fake/...: next event, state, faults, drops
command   the words of the command line
server    all of it on one port; process starts it as a process of its own and gives a handle to it
"""
