"""Draws a terminal as SVG: tmux capture-pane -e -p | terminal.py TITLE > picture.svg"""
import html
import re
import sys

PALETTE = ["#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0",
           "#6b7280", "#f08a92", "#b5e08f", "#f0d399", "#8cc8ff", "#dda0ee", "#7fd5de", "#ffffff"]
WIDTH, HEIGHT, PAD, TOP = 8.4, 19, 18, 44


def color(number):
    if number < 16:
        return PALETTE[number]
    if number < 232:
        number -= 16
        return "#" + "".join(f"{0 if v == 0 else 55 + 40 * v:02x}" for v in (number // 36, number // 6 % 6, number % 6))
    return "#" + f"{8 + 10 * (number - 232):02x}" * 3


fill, bold, dim = None, False, False  # tmux writes only changes, also from one line to the next


def styled(line):
    """Yields runs of text with their SVG attributes."""
    global fill, bold, dim
    for part in re.split(r"(\x1b\[[0-9;:]*m)", line):
        if not part.startswith("\x1b["):
            if part:
                attributes = f' fill="{fill}"' if fill else ""
                attributes += ' font-weight="bold"' if bold else ""
                attributes += ' opacity="0.6"' if dim else ""
                yield part, attributes
            continue
        codes = [int(c or 0) for c in part[2:-1].split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                fill, bold, dim = None, False, False
            elif code == 1:
                bold = True
            elif code == 2:
                dim = True
            elif code == 22:
                bold = dim = False
            elif 30 <= code <= 37:
                fill = PALETTE[code - 30]
            elif 90 <= code <= 97:
                fill = PALETTE[code - 82]
            elif code == 39:
                fill = None
            elif code in (38, 48):
                kind = codes.pop(0)
                value = color(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                fill = value if code == 38 else fill


lines = [line.rstrip() for line in sys.stdin.read().rstrip().split("\n")]
columns = max(len(re.sub(r"\x1b\[[0-9;:]*m", "", line)) for line in lines)
width, height = columns * WIDTH + 2 * PAD, len(lines) * HEIGHT + TOP + PAD
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" role="img" '
      f'aria-label="{html.escape(sys.argv[1])}">')
print(f'<rect width="100%" height="100%" rx="9" fill="#1e2127"/>')
for x, dot in ((20, "#ff5f56"), (40, "#ffbd2e"), (60, "#27c93f")):
    print(f'<circle cx="{x}" cy="20" r="6" fill="{dot}"/>')
print(f'<text x="{width / 2:.0f}" y="25" text-anchor="middle" font-family="sans-serif" font-size="13" fill="#9aa0a6">{html.escape(sys.argv[1])}</text>')
print('<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" fill="#d7dae0" xml:space="preserve">')
for row, line in enumerate(lines):
    at = 0
    for text, attributes in styled(line):
        length = f' textLength="{len(text) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
        if text.strip():
            print(f'<text x="{PAD + at * WIDTH:.1f}" y="{TOP + (row + 1) * HEIGHT - 5}"{length}{attributes}>{html.escape(text)}</text>')
        at += len(text)
print("</g></svg>")
