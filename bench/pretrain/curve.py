"""The loss curve of a pretraining as a Markdown table and an SVG picture, from its log. Usage: curve.py OUT [PICTURE.svg]"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 360, 56, 36
LIGHT, DARK = 'stroke="#9db8d9"', 'stroke="#1f4e8c" stroke-width="2"'


def points(folder):
    train, dev, tokens = [], [], 0
    for line in open(f"{folder}/training/pretrain.jsonl", encoding="utf-8"):
        entry = json.loads(line)
        if entry["event"] == "step":
            tokens += entry["tokens"]
            train.append((entry["step"], entry["loss"], tokens, entry["seconds"]))
        elif entry["event"] == "dev":
            dev.append((entry["step"], entry["loss"], entry["accuracy"], tokens, entry["seconds"]))
    return train, dev


def table(train, dev):
    rows = ["| step | tokens | hours | train loss | dev loss | perplexity | restored |", "|--:|--:|--:|--:|--:|--:|--:|"]
    before = 0
    for step, loss, accuracy, tokens, seconds in dev:
        own = [value for at, value, *_ in train if before < at <= step]
        mean = f"{sum(own) / len(own):.3f}" if own else ""
        rows.append(f"| {step:,} | {tokens:,} | {seconds / 3600:.2f} | {mean} | {loss:.3f} | {math.exp(loss):,.1f} | {accuracy:.1%} |")
        before = step
    return "\n".join(rows)


def picture(train, dev):
    last = train[-1][0]
    group = max(1, len(train) // 300)
    means = [(part[-1][0], sum(p[1] for p in part) / len(part)) for part in (train[i:i + group] for i in range(0, len(train), group))]
    values = [v for _, v in means] + [d[1] for d in dev]
    low, high = math.floor(min(values)), math.ceil(max(values))
    place = lambda step, value: (LEFT + (WIDTH - LEFT - 12) * step / last, 12 + (HEIGHT - BOTTOM - 12) * (high - value) / (high - low))
    line = lambda items, style: f'<polyline fill="none" {style} points="{" ".join("%.1f,%.1f" % place(*i) for i in items)}"/>'
    marks = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{place(0, v)[1]:.1f}" y2="{place(0, v)[1]:.1f}" stroke="#ddd"/><text x="{LEFT - 8}" y="{place(0, v)[1] + 4:.1f}" text-anchor="end">{v}</text>'
        for v in range(low, high + 1))
    steps = "".join(f'<text x="{place(last * q / 4, low)[0]:.1f}" y="{HEIGHT - 14}" text-anchor="{"end" if q == 4 else "middle"}">{last * q // 4:,}</text>' for q in range(5))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{marks}{steps}{line(means, LIGHT)}{line([d[:2] for d in dev], DARK)}'
            f'<text x="{WIDTH - 16}" y="28" text-anchor="end">loss by step: training (light), held-out texts (dark)</text></svg>')


if __name__ == "__main__":
    steps, scores = points(sys.argv[1])
    print(table(steps, scores))
    if len(sys.argv) > 2:
        open(sys.argv[2], "w", encoding="utf-8").write(picture(steps, scores))
