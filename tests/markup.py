"""What a page is made of, read as a browser reads it, so that nothing typed became part of it."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import product

SCRIPTS = (
    "<script>alert(1)</script>", "<ScRiPt src=//x.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>", "<svg><animate onbegin=alert(1) attributeName=x>",
    "<body onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>bấm</a>", "<a href='jav&#x09;ascript:alert(1)'>bấm</a>",
    "<form action=//x.example><button>gửi</button>", "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>", "<math><mtext><b>x",
    "<style>*{background:url(//x.example)}</style>", "<link rel=stylesheet href=//x.example>",
    "<meta http-equiv=refresh content=0;url=//x.example>", "<base href=//x.example/>",
    "<object data=//x.example>", "<embed src=//x.example>", "<template><script>alert(1)</script>",
    "<marquee onstart=alert(1)>x", "<b style=background:url(//x.example)>x</b>",
    "<!--><script>alert(1)</script>",
)  # fmt: skip
"""What would be run or loaded if it were read as markup."""
BEFORE = (
    "",
    '">',
    "'>",
    "</title>",
    "</textarea>",
    "</script>",
    "-->",
    "]]>",
    "Vườn vải ",
    "Đặng Thị Hường ",
)
"""What might close what stands before."""
AFTER = ("", " <!--")
HOSTILE = tuple(
    f"{before}{script}{after}" for before, script, after in product(BEFORE, SCRIPTS, AFTER)
)
ODD = (
    "{{7*7}}",
    "{% raw %}",
    "${7*7}",
    "javascript:alert(1)",
    "'-alert(1)-'",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover='alert(1)",
    "`onclick=alert(1)`",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "\\u003cscript\\u003e",
    "%3Cscript%3E",
    "\u202egpj.exe",
    "ﺀ",
    "𝒱ườn",
    "Nguyễn Thị Ánh Nguyệt",
)
TAGS = frozenset((
    "a", "article", "aside", "b", "body", "br", "button", "canvas", "caption", "circle", "code",
    "col", "colgroup", "datalist", "dd", "defs", "desc", "details", "dialog", "div", "dl", "dt",
    "em", "fieldset", "figcaption", "figure", "footer", "form", "g", "h1", "h2", "h3", "head",
    "header", "hr", "html", "i", "img", "input", "label", "legend", "li", "line", "lineargradient",
    "link", "main", "meta", "meter", "nav", "noscript", "ol", "optgroup", "option", "output", "p",
    "path", "polygon", "polyline", "pre", "progress", "rect", "script", "section", "select",
    "small", "span", "stop", "strong", "sub", "summary", "sup", "svg", "table", "tbody", "td",
    "text", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "tspan", "ul", "video",
))  # fmt: skip
LOADS = frozenset(
    {"href", "src", "action", "formaction", "srcset", "data", "poster", "srcdoc", "ping"}
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.strange: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.strange.append(f"<{tag}>")
        if tag == "script" and not (dict(attrs).get("src") or "").startswith("/static/"):
            self.strange.append("script of its own")
        for name, value in attrs:
            text = (value or "").strip()
            if name.startswith("on") or name in {"style", "srcdoc", "autofocus", "ping"}:
                self.strange.append(f"{tag} {name}={text}")
            if name in LOADS and not text.startswith(("/", "#", "?", "data:image/")):
                self.strange.append(f"{tag} {name}={text}")
            if name in LOADS and text.startswith(("//", "/\\")):
                self.strange.append(f"{tag} {name}={text}")
            if name == "http-equiv":
                self.strange.append(f"{tag} {name}={text}")
            self.words.append(text)

    def handle_comment(self, data: str) -> None:
        self.strange.append(f"<!--{data}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> _Reader:
    """Read a page; `strange` holds what no page of ours is made of, `words` its texts."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader
