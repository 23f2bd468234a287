"""Times steps of skip-gram in PyTorch on one core, for bench/skip-gram.ts: words and turns are arguments."""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

PAIRS, NEGATIVES, COLUMNS, FEEDS, STEPS = 256, 5, 64, 20, 50


def some(count, by, shift, step, words):
    return torch.tensor([(i * by + step * shift) % words for i in range(count)])


def main():
    torch.set_num_threads(1)
    words, turns = int(sys.argv[1]), int(sys.argv[2])
    feeds = [
        (
            some(PAIRS, 7919, 104729, step, words),
            some(PAIRS * (1 + NEGATIVES), 15485863, 32452843, step, words).reshape(PAIRS, -1),
        )
        for step in range(FEEDS)
    ]
    labels = torch.zeros(PAIRS, 1 + NEGATIVES)
    labels[:, 0] = 1
    times = {}
    for name, make in {
        'SGD': lambda tables: torch.optim.SGD(tables, lr=0.1),
        'SparseAdam': lambda tables: torch.optim.SparseAdam(tables, lr=0.001),
    }.items():
        first, second = (torch.nn.Embedding(words, COLUMNS, sparse=True) for _ in range(2))
        optimizer = make([first.weight, second.weight])

        def step(center, around):
            optimizer.zero_grad()
            scores = (second(around) * first(center).unsqueeze(1)).sum(2)
            loss = F.binary_cross_entropy_with_logits(scores, labels, reduction='sum') / PAIRS
            loss.backward()
            optimizer.step()

        turn_times = []
        for _ in range(turns + 1):
            start = time.process_time()
            for i in range(STEPS):
                step(*feeds[i % FEEDS])
            turn_times.append((time.process_time() - start) * 1e6 / STEPS)
        times[name] = statistics.median(turn_times[1:])
    print(json.dumps(times))


main()
