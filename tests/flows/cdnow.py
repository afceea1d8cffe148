"""The CDNOW purchases as files to import: 23,570 customers, 69,659 purchases, 1997-01 to 1998-06.

The data ships inside the wheel `lifetimes`; the file is read, the package is never imported.
"""

from __future__ import annotations

import csv
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

MASTER = Path(sysconfig.get_path("purelib")) / "lifetimes" / "datasets" / "CDNOW_master.txt"
END = datetime(1998, 7, 1, 10, 0, tzinfo=UTC)
AWAY = timedelta(days=120)


def purchases() -> Iterator[tuple[str, str, str]]:
    """(customer, day, amount), as in the file."""
    with MASTER.open() as file:
        next(file)
        for line in file:
            customer, day, _, amount = line.split()
            yield customer, f"{day[:4]}-{day[4:6]}-{day[6:]}", amount


def address(customer: str) -> str:
    return f"c{customer}@example.com"


def consents(customer: str) -> bool:
    """Four of five customers said yes to offers by e-mail."""
    return int(customer) % 5 != 0


def write(folder: Path) -> tuple[Path, Path, Path]:
    """Files of those who consented, of those who did not, and of the purchases."""
    people = list(dict.fromkeys(customer for customer, _, _ in purchases()))
    paths = folder / "yes.csv", folder / "no.csv", folder / "orders.csv"
    for path, answer in zip(paths[:2], (True, False), strict=True):
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Customer", "E-mail"])
            writer.writerows([each, address(each)] for each in people if consents(each) is answer)
    with paths[2].open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Customer", "Order", "Day", "Dollars"])
        writer.writerows([who, f"cdnow-{n}", day, amount] for n, (who, day, amount) in enumerate(purchases()))
    return paths


def lapsed_buyers() -> set[str]:
    """Bought at least twice, nothing in the 120 days before END: counted by hand, from the file."""
    counts: dict[str, int] = {}
    last: dict[str, datetime] = {}
    for customer, day, _ in purchases():
        noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        counts[customer] = counts.get(customer, 0) + 1
        last[customer] = max(noon, last.get(customer, noon))
    return {each for each, n in counts.items() if n >= 2 and not END - AWAY < last[each] <= END}
