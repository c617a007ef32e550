"""Empty rounds of ours: overhead, start-up, memory."""

import federation
import figures
from figures import Table, megabytes, number, shown

SIZES = {"1e5": 100_000, "1e6": 1_000_000, "1e7": 10_000_000}


def plan(options):
    """(size, suite, rounds) of each run, and what is left out with the reason."""
    runs, skipped = [], []
    for name in options.sizes:
        values = SIZES[name]
        for suite in options.suites:
            if suite not in ("clear", "secagg") and values > 1_000_000 and not options.long:
                skipped.append((name, suite, "minutes of encryption: `--long` measures it"))
                continue
            if suite not in ("clear", "secagg"):
                rounds = {"1e5": 6, "1e6": 4}.get(name, 2)
            else:
                rounds = {"1e5": 21, "1e6": 21}.get(name, 8)
            runs.append((name, suite, rounds))
    return runs, skipped


def measure(options):
    runs, skipped = plan(options)
    results = []
    for repetition in range(options.repeat):
        for name, suite, rounds in runs:
            print(f"rounds: {name} values, {suite}, {rounds} rounds ({repetition + 1}/{options.repeat})", flush=True)
            try:
                result = federation.run(SIZES[name], rounds, suite, bits=options.bits, threads=options.threads, limit=1800)
            except federation.Failed as failure:
                print(f"  failed: {failure}")
                result = {"values": SIZES[name], "suite": suite, "failed": str(failure)}
            results.append(result | {"size": name})
    return {
        "bits": options.bits,
        "threads": options.threads,
        "runs": results,
        "skipped": [{"size": name, "suite": suite, "reason": reason} for name, suite, reason in skipped],
        "summary": summarise(results),
    }


def summarise(results):
    """Pools the repetitions of each size and suite."""
    groups = {}
    for result in results:
        if "failed" not in result:
            groups.setdefault((result["size"], result["suite"]), []).append(result)

    def pooled(group, pick):
        samples = [sample for result in group for sample in pick(result)]
        return figures.summary(samples)

    summary = []
    for (size, suite), group in groups.items():
        memory = {}
        for result in group:
            for stage, peak in result["memory"].items():
                memory[stage] = max(memory.get(stage, 0), peak)
        summary.append({
            "size": size,
            "suite": suite,
            "round_seconds": pooled(group, lambda r: r["round_seconds"]["samples"] if r["round_seconds"] else []),
            "first_opening_seconds": pooled(group, lambda r: [r["first_opening_seconds"]]),
            "all_joined_seconds": pooled(group, lambda r: [r["all_joined_seconds"]]),
            "first_release_seconds": pooled(group, lambda r: [r["first_release_seconds"]]),
            "contribution_bytes": group[0]["contribution_bytes"],
            "bytes_per_value": group[0]["contribution_bytes"] / group[0]["values"],
            "phases": group[-1]["phases"],
            "memory": memory,
            "server_bytes": sum(peak for stage, peak in memory.items() if stage.endswith(("/aggregate", "/publish"))),
            "site_bytes": max(
                sum(peak for stage, peak in memory.items() if stage.startswith(f"{cloud}/"))
                for cloud in federation.CLOUDS),
            "foreign_cores": [result["foreign_cores"] for result in group],
            "load": [result["load"] for result in group],
        })
    return summary


def show(report):
    table = Table(
        f"Empty rounds: three clouds, trainer `none`, {report['bits']} bits a value, {report['threads']} thread(s) a stage",
        ["values", "suite", "s/round", "B/value", "up: opened", "all joined", "1st release", "foreign cores"])
    for row in report["summary"]:
        table.row(
            row["size"], row["suite"], shown(row["round_seconds"]), number(row["bytes_per_value"]),
            *(f"{row[key]['median']:.2f} s" for key in ("first_opening_seconds", "all_joined_seconds", "first_release_seconds")),
            "/".join(f"{cores:.1f}" for cores in row["foreign_cores"]))
    for skipped in report["skipped"]:
        table.row(skipped["size"], skipped["suite"], f"not run: {skipped['reason']}", "", "", "", "", "")
    table.note("s/round: from one opening to the next, the first round left out. Counted from the start of `tributary up`:")
    table.note("opened = the first round is open; all joined = every encrypt is in it; 1st release = the first round is done.")
    table.show()

    memory = Table("Peak memory (VmHWM, shared pages included)", ["values", "suite", "ingest", "local-train", "encrypt",
                   "one cloud", "aggregate", "publish", "both", "launcher"])
    for row in report["summary"]:
        def peak(kind):
            return max((peak for stage, peak in row["memory"].items() if stage.endswith(kind)), default=None)

        memory.row(
            row["size"], row["suite"], *(megabytes(peak(kind)) for kind in ("/ingest", "/local-train", "/encrypt")),
            megabytes(row["site_bytes"]), *(megabytes(peak(kind)) for kind in ("/aggregate", "/publish")),
            megabytes(row["server_bytes"]), megabytes(peak("launcher")))
    memory.note("Of three clouds the largest; one cloud = the sum of its three stages, each at its own peak.")
    memory.show()

    phases = Table(
        "Where a round goes: seconds after its opening, last of the three clouds, medians",
        ["values", "suite", "trained", "sealed", "counted", "closed", "released"])
    for row in report["summary"]:
        phases.row(row["size"], row["suite"], *(
            f"{row['phases'][name]:.3f}" if name in row["phases"] else "-"
            for name in ("trained", "sealed", "counted", "closed", "released")))
    phases.show()
