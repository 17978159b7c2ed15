# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells how good a trained model is: lines for the log, a page to keep."""

from __future__ import annotations

import html as markup
from typing import Any

from .texts import tr


def lines(done: dict[str, Any]) -> list[str]:
    """Returns the figures as lines of a log."""
    figures, alone = done["figures"], done["comparison"]["spectrum_alone"]
    classes = [
        tr("{name}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}").format(**entry)
        for entry in done["classes"]
    ]
    return [
        *classes,
        tr(
            "On blocks not learnt from: overall accuracy {accuracy:.3f} (the commonest class "
            "alone: {majority:.3f}), macro F1 {f1:.3f}; with the spectrum alone {alone:.3f}"
        ).format(
            accuracy=figures["overall_accuracy"],
            majority=done["majority_rate"],
            f1=figures["macro_f1"],
            alone=alone["overall_accuracy"],
        ),
    ]


def html(done: dict[str, Any]) -> str:
    """Returns the figures, warnings and the confusion matrix as a page."""
    names = [markup.escape(entry["name"]) for entry in done["classes"]]
    cells = [
        [f"<th>{name}</th>", *(f"<td>{count:.0f}</td>" for count in row)]
        for name, row in zip(names, done["confusion"])
    ]
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    told = "".join(f"<p>{markup.escape(line)}</p>" for line in lines(done))
    warned = "".join(f"<li>{markup.escape(line)}</li>" for line in done["warnings"])
    return (
        f"<html><head><meta charset='utf-8'><title>{tr('Training report')}</title></head><body>"
        f"<h1>{tr('Training report')}</h1>{told}<ul>{warned}</ul>"
        f"<h2>{tr('Pixels by true class (rows) and mapped class (columns)')}</h2>"
        f"<table border='1' cellpadding='4'><tr><th></th>{head}</tr>{body}</table></body></html>"
    )
