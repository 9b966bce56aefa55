# SPDX-License-Identifier: Apache-2.0
"""What a run said of its units."""
import json


def read(events, root, key):
    """Reads the event log of a run of the tree `root`: what `key` of its events names ("unit", "layer") ->
    (status, exit code, text, reused, why). Notes that are no mere information are printed."""
    results, why, folder = {}, {}, None
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "run_started":
            folder = root / ".sluice" / "runs" / event["run_id" if "run_id" in event else "run"]
        elif event["type"] == "unit_started":
            why[event[key]] = event.get("why")
        elif event["type"] == "unit_finished":
            text = b""
            if "out" in event:
                with open(folder / event["out"]["file"], "rb") as file:
                    file.seek(event["out"]["offset"])
                    text = file.read(event["out"]["len"])
            results[event[key]] = (event["status"], event["exit"], text, "reused" in event, why.get(event[key]))
        elif event["type"] == "note" and event["level"] != "info":
            print("note:", event["text"])
    return results
