# Four years of daily weather, by month: a workflow that scatters over the years, joins their tables and plots them.
#
#     weather.csv, years ──▶ by_year (one run a year) ──▶ join ──▶ table, record_count, warmest_month
#                                                           └────▶ draw ──▶ plot
#
# Each step is a short Python program of the standard library, kept in this document: a package is one document. It
# needs neither a container nor JavaScript: literal outputs come from the file cwl.output.json that the step writes.
cwlVersion: v1.2
class: Workflow
id: seattle-weather
label: Monthly statistics of daily weather
doc: |
  Reads daily weather (columns date, precipitation, temp_max, temp_min, wind, weather), computes statistics of each
  month, year by year, and gives them as a table and as a chart, with the number of days read and the warmest month.
$namespaces:
  iana: https://www.iana.org/assignments/media-types/

requirements:
  ScatterFeatureRequirement: {}

inputs:
  weather:
    type: File
    label: Daily weather
    doc: "A CSV file with the columns date (year/month/day), precipitation (mm), temp_max and temp_min (°C), wind and weather."
  years:
    type: int[]
    default: [2012, 2013, 2014, 2015]
    label: Years
    doc: The years to take; days of other years are left out.
  title:
    type: string
    default: Seattle
    label: Title
    doc: The place the chart names.

outputs:
  table:
    type: File
    format: iana:text/csv
    label: Statistics of each month
    outputSource: join/table
  plot:
    type: File
    format: iana:image/png
    label: Temperature and precipitation of each month
    outputSource: draw/plot
  record_count:
    type: int
    label: Number of days read
    outputSource: join/record_count
  warmest_month:
    type: string
    label: Month with the highest mean of daily maximum temperatures, as year-month
    outputSource: join/warmest_month

steps:
  by_year:
    label: Statistics of the months of one year
    scatter: year
    in:
      weather: weather
      year: years
    out: [table]
    run:
      class: CommandLineTool
      requirements:
        InitialWorkDirRequirement:
          listing:
            - entryname: months.py
              entry: |
                """Write the statistics of each month of one year of daily weather."""
                import csv
                import statistics
                import sys
                from collections import Counter, defaultdict

                path, year = sys.argv[1:]
                months = defaultdict(list)
                with open(path, newline="", encoding="utf-8") as source:
                    for day in csv.DictReader(source):
                        if day["date"].startswith(year + "/"):
                            months[day["date"][:7].replace("/", "-")].append(day)
                if not months:
                    sys.exit(f"There is no day of the year {year} in the data.")

                table = csv.writer(sys.stdout, lineterminator="\n")
                table.writerow(["month", "days", "temp_max_mean", "temp_min_mean", "precipitation", "wind_mean", "weather"])
                for month, days in sorted(months.items()):
                    column = {name: [float(day[name]) for day in days]
                              for name in ("temp_max", "temp_min", "precipitation", "wind")}
                    table.writerow([
                        month,
                        len(days),
                        statistics.fmean(column["temp_max"]),
                        statistics.fmean(column["temp_min"]),
                        sum(column["precipitation"]),
                        statistics.fmean(column["wind"]),
                        Counter(day["weather"] for day in days).most_common(1)[0][0],
                    ])
                print(f"{year}: {sum(map(len, months.values()))} days in {len(months)} months", file=sys.stderr)
      baseCommand: [python3, months.py]
      inputs:
        weather:
          type: File
          inputBinding: {position: 1}
        year:
          type: int
          inputBinding: {position: 2}
      stdout: months.csv
      outputs:
        table:
          type: stdout

  join:
    label: One table of all years, and what it tells
    in:
      tables: by_year/table
    out: [table, record_count, warmest_month]
    run:
      class: CommandLineTool
      requirements:
        InitialWorkDirRequirement:
          listing:
            - entryname: join.py
              entry: |
                """Join the tables of the years; name the warmest month."""
                import csv
                import json
                import sys

                rows = []
                for path in sys.argv[1:]:
                    with open(path, newline="", encoding="utf-8") as source:
                        rows += csv.DictReader(source)
                rows.sort(key=lambda row: row["month"])
                warmest = max(rows, key=lambda row: float(row["temp_max_mean"]))["month"]
                count = sum(int(row["days"]) for row in rows)

                with open("monthly.csv", "w", newline="", encoding="utf-8") as target:
                    table = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
                    table.writeheader()
                    for row in rows:
                        means = {name: f"{float(row[name]):.2f}" for name in row if name.endswith("_mean")}
                        table.writerow({**row, **means, "precipitation": f"{float(row['precipitation']):.1f}"})

                with open("cwl.output.json", "w", encoding="utf-8") as target:
                    json.dump({"table": {"class": "File", "path": "monthly.csv",
                                         "format": "https://www.iana.org/assignments/media-types/text/csv"},
                               "record_count": count, "warmest_month": warmest}, target)
                print(f"{count} days in {len(rows)} months; the warmest is {warmest}")
      baseCommand: [python3, join.py]
      inputs:
        tables:
          type: File[]
          inputBinding: {position: 1}
      outputs:
        table: File
        record_count: int
        warmest_month: string

  draw:
    label: The chart
    in:
      table: join/table
      title: title
    out: [plot]
    run:
      class: CommandLineTool
      requirements:
        InitialWorkDirRequirement:
          listing:
            - entryname: chart.py
              entry: |
                """Draw lines of temperature and bars of precipitation as a PNG image, with the standard library alone.

                There are two shapes: filled rectangles, and strokes with round ends whose edges are smoothed by the distance of
                each pixel. Letters are strokes too: after the letter, pairs of hexadecimal digits are the corners of its lines
                (x to the right, y upwards; the baseline is at 4, small letters reach 10, capitals 13), "/" begins another line.
                """
                import csv
                import math
                import struct
                import sys
                import zlib

                GLYPHS = {glyph[0]: glyph[1:].split("/") for glyph in """
                    02444666b4d2d0b0624 11b3d34 20b2d4d6b690464 30b2d4d6b6a4929/496766442406 4545d0767 56d1d0829496766442406
                    66b4d2d0b0624446667492907 70d6d24 82949676644240607290a0b2d4d6b6a49 9062444666b4d2d0b0a28486a
                    A044d84/1777 B040d5d7b7a5909/5987866404 C8b6d2d0b06246486 D040d5d8a875404 E7d0d0474/0959 F7d0d04/0959
                    G8b6d2d0b062464868858 H0d04/8d84/0989 I0d04 J6d66442406 K0d04/7d08/2a84 L0d0474 M040d478d84 N040d848d
                    O2464868b6d2d0b0624 P040d6d8b8a6808 Q2464868b6d2d0b0624/5784 R040d6d8b8a6808/4884 S8b6d2d0b0a29688786642406
                    T0d8d/4d44 U0d062464868d V0d448d W0d345a74ad X0d84/048d Y0d488d/4844 Z0d8d0484
                    a6a64/684a2a0806244466 b0d04/06244466684a2a08 c594a2a0806244455 d6d64/684a2a0806244466 e0767684a2a0806244455
                    f4d3d2b24/0a4a g6a62402001/684a2a0806244466 h0d04/082a4a6864 i0a04/0d0d j2a211000/2d2d k0d04/5a06/2854 l0d04
                    m0a04/082a3a4844/486a7a8884 n0a04/082a4a6864 o244466684a2a080624 p0a00/06244466684a2a08 q6a60/684a2a0806244466
                    r0a04/082a4a s594a1a090817576665541405 t2d253444/0a4a u0a06244466/6a64 v0a346a w0a244a648a x0a64/046a
                    y0a34/6a10 z0a6a0464 -1858 ,1502 .0404 :0505/0a0a °0b0c1d2d3c3b2a1a0b
                """.split()}
                WIDTH, HEIGHT, LEFT, RIGHT = 1200, 800, 90, 1170
                COLOURS = [(0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0)]
                INK, PALE, GRID = (40, 48, 56), (100, 110, 120), (226, 230, 234)
                MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
                pixels = bytearray(b"\xff" * (WIDTH * HEIGHT * 3))


                def rectangle(x0, y0, x1, y1, colour):
                    row = bytes(colour) * (round(x1) - round(x0))
                    for y in range(round(y0), round(y1)):
                        start = (y * WIDTH + round(x0)) * 3
                        pixels[start:start + len(row)] = row


                def stroke(points, width, colour):
                    for (x0, y0), (x1, y1) in zip(points, points[1:]):
                        dx, dy, reach = x1 - x0, y1 - y0, width / 2 + 1
                        length = dx * dx + dy * dy or 1
                        for y in range(max(0, int(min(y0, y1) - reach)), min(HEIGHT, int(max(y0, y1) + reach) + 2)):
                            for x in range(max(0, int(min(x0, x1) - reach)), min(WIDTH, int(max(x0, x1) + reach) + 2)):
                                along = min(1, max(0, ((x - x0) * dx + (y - y0) * dy) / length))
                                cover = reach - 0.5 - math.hypot(x - x0 - along * dx, y - y0 - along * dy)
                                if cover > 0:
                                    at, cover = (y * WIDTH + x) * 3, min(1, cover)
                                    for channel, value in enumerate(colour, at):
                                        pixels[channel] += round((value - pixels[channel]) * cover)


                def text(x, y, words, size, colour=INK, align=0.0):
                    """Write words with capitals of this size; align 0, 0.5, 1: x is their left end, middle, right end."""
                    unit, placed, right = size / 9, [], 0
                    for letter in words:
                        lines = [[(int(line[i], 16), int(line[i + 1], 16) - 4) for i in range(0, len(line), 2)]
                                 for line in GLYPHS.get(letter, ())]
                        placed += [[(right + px, py) for px, py in line] for line in lines]
                        right += max((px for line in lines for px, _ in line), default=2) + 2.5
                    x -= align * (right - 2.5) * unit
                    for line in placed:
                        stroke([(x + px * unit, y - py * unit) for px, py in line], size / 7, colour)


                def panel(top, bottom, label, values, step):
                    """Draw title, grid and scale of one panel; return what turns a value into its height in the image."""
                    low, high = math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step
                    place = lambda value: bottom - (value - low) / (high - low) * (bottom - top)
                    text(LEFT, top - 22, label, 15, PALE)
                    for tick in range(low, high + 1, step):
                        rectangle(LEFT, place(tick), RIGHT, place(tick) + 1, GRID)
                        text(LEFT - 12, place(tick) + 6, str(tick), 13, PALE, align=1)
                    return place


                title, (path,) = sys.argv[1], sys.argv[2:]
                with open(path, newline="", encoding="utf-8") as source:
                    rows = list(csv.DictReader(source))
                years = sorted({row["month"][:4] for row in rows})
                colours = {year: COLOURS[number % len(COLOURS)] for number, year in enumerate(years)}
                band = (RIGHT - LEFT) / 12
                middle = lambda row: LEFT + (int(row["month"][5:]) - 0.5) * band
                warmth = lambda row: float(row["temp_max_mean"])
                rain = lambda row: float(row["precipitation"])

                text(LEFT, 56, f"{title}: weather by month", 20)
                text(LEFT, 86, f"{years[0]} to {years[-1]}, {sum(int(row['days']) for row in rows)} days", 15, PALE)
                for number, year in enumerate(reversed(years)):
                    rectangle(RIGHT - 80 - 110 * number, 44, RIGHT - 56 - 110 * number, 52, colours[year])
                    text(RIGHT - 48 - 110 * number, 54, year, 14)

                height = panel(160, 440, "Mean daily maximum, °C", [*map(warmth, rows), 0], 5)
                for year in years:
                    line = [(middle(row), height(warmth(row))) for row in rows if row["month"].startswith(year)]
                    stroke(line, 4, colours[year])
                    for point in line:
                        stroke([point, point], 10, colours[year])
                warmest = max(rows, key=warmth)
                point = middle(warmest), height(warmth(warmest))
                stroke([point, point], 16, INK)
                stroke([point, point], 10, colours[warmest["month"][:4]])
                text(point[0], point[1] - 16, f"{warmest['month']}: {warmth(warmest):.1f} °C", 14, align=0.5)

                height = panel(520, 740, "Precipitation, mm", [*map(rain, rows), 0], 50)
                for row in rows:
                    left = middle(row) - 0.4 * band + years.index(row["month"][:4]) * 0.8 * band / len(years)
                    rectangle(left, height(rain(row)), left + 0.8 * band / len(years) - 1, height(0), colours[row["month"][:4]])
                rectangle(LEFT, height(0), RIGHT, height(0) + 2, PALE)
                for number, month in enumerate(MONTHS):
                    text(LEFT + (number + 0.5) * band, 772, month, 15, align=0.5)

                lines = b"".join(b"\0" + pixels[y * WIDTH * 3:(y + 1) * WIDTH * 3] for y in range(HEIGHT))
                with open("plot.png", "wb") as target:
                    target.write(b"\x89PNG\r\n\x1a\n")
                    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
                    for kind, data in (b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""):
                        target.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
      baseCommand: [python3, chart.py]
      inputs:
        title:
          type: string
          inputBinding: {position: 1}
        table:
          type: File
          inputBinding: {position: 2}
      outputs:
        plot:
          type: File
          format: iana:image/png
          outputBinding: {glob: plot.png}
