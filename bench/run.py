"""Speed, bytes and memory of what was built, as ratios where a peer is named. docs/benchmarks.md describes the JSON.

usage: python3 bench/run.py [--only sealing,training,rounds] [--sizes 1e5,1e6,1e7] [--long] [--out FILE]
"""

import argparse
import os
import sys

import federation
import figures
import machine
import rounds
import sealing
import training

SECTIONS = {"sealing": sealing, "training": training, "rounds": rounds}


def words(known):
    def parse(text):
        chosen = text.split(",")
        unknown = [word for word in chosen if word not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected some of {', '.join(known)}")
        return chosen

    return parse


def main():
    parser = argparse.ArgumentParser(description="Measures what was built; prints tables and writes JSON.")
    parser.add_argument("--only", type=words(SECTIONS), default=list(SECTIONS), help=f"sections: {','.join(SECTIONS)}")
    parser.add_argument("--sizes", type=words(rounds.SIZES), default=list(rounds.SIZES), help="values of an empty round")
    parser.add_argument("--suites", type=words(["clear", "paillier", "threshold", "secagg"]),
                        default=["clear", "paillier", "threshold", "secagg"])
    parser.add_argument("--bits", type=int, default=12, help="bits of a quantised value in empty rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of each stage in empty rounds")
    parser.add_argument("--repeat", type=int, default=1, help="how often every run is made")
    parser.add_argument("--long", action="store_true", help="also what takes minutes")
    parser.add_argument("--out", default=os.path.join(federation.ROOT, "out", "bench.json"))
    options = parser.parse_args()

    report = machine.report("bench")
    failed = False
    for name in options.only:
        try:
            report[name] = SECTIONS[name].measure(options)
        except federation.Failed as failure:
            print(f"{name}: {failure}", file=sys.stderr)
            report[name] = {"failed": str(failure)}
            failed = True
    report["load_at_end"] = machine.load()
    for name in options.only:
        if "failed" not in report[name]:
            SECTIONS[name].show(report[name])
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    figures.write(options.out, report)
    print(f"\nload average {report['load_at_end']:.2f}; written to {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
