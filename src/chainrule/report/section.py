"""A section of the page: a heading, a sentence on what it says, and its figures."""

from dataclasses import dataclass

from chainrule.report.markup import Markup, tag


@dataclass(frozen=True)
class Section:
    """A part of the page that can be linked to."""

    anchor: str
    title: str
    lead: object
    body: object

    def html(self) -> Markup:
        """The section as HTML."""
        return tag(
            "section",
            tag("h2", self.title, id=f"{self.anchor}-title"),
            tag("p", self.lead, class_="lead") if self.lead else None,
            self.body,
            id=self.anchor,
            aria_labelledby=f"{self.anchor}-title",
        )


def grid(*figures: object) -> Markup:
    """Figures beside one another where there is room."""
    return tag("div", *figures, class_="grid")
