"""Times operators in PyTorch on one core, for bench/operators.ts: reads what to time from standard input."""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

CALLS = 20  # in each turn


def microseconds(call):
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) * 1e6 / CALLS


def main():
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    torch.manual_seed(1)
    dtype = getattr(torch, asked['dtype'])
    size = (asked['side'], asked['side'])
    x, y = ((0.1 + 0.8 * torch.rand(size, dtype=dtype)).requires_grad_() for _ in range(2))
    one = torch.ones((), dtype=dtype)
    times = []
    for call in asked['calls']:
        of = eval(f'lambda x, y: {call}', {'torch': torch, 'F': F})

        def forward():
            with torch.no_grad():
                of(x, y)

        def with_gradient():
            z = of(x, y)
            if z.requires_grad:
                torch.autograd.grad(z, (x, y), one.expand(z.shape), allow_unused=True)

        parts = []
        for part in (forward, with_gradient):
            microseconds(part)
            parts.append(statistics.median(microseconds(part) for _ in range(asked['turns'])))
        times.append(parts)
    json.dump(times, sys.stdout)


main()
