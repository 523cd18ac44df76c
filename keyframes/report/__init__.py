"""The pages a person looks at: one a video, one for a folder, one for the choice of k.

Each is a single HTML file that needs no network and no other file. `page.py`, `index.py` and
`choice.py` gather what a page says, `templates/` says it; `pictures.py`, `projection.py`,
`colours.py` and `charts.py` make what is drawn, and `templating.py` puts a page together.
"""

from keyframes.report.choice import render_choice
from keyframes.report.index import check_index, render_index, write_index
from keyframes.report.page import render_report, report_content
from keyframes.report.pictures import picture_size
from keyframes.report.templating import check_page

__all__ = [
    "check_index",
    "check_page",
    "picture_size",
    "render_choice",
    "render_index",
    "render_report",
    "report_content",
    "write_index",
]
