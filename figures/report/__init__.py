"""The page that shows the state of every statement: verdicts, figures, how it was measured, what is false in print.

One HTML file that needs nothing else: no network, no script to be read, and no other file.
"""

from figures.report.document import Report, page, write
from figures.report.pictures import Embedded, load

__all__ = ["Embedded", "Report", "load", "page", "write"]
