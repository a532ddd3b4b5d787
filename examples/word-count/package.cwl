# One tool on one text: how many lines and words it has, and which words are the most frequent.
cwlVersion: v1.2
class: CommandLineTool
id: word-count
label: Words of a text
doc: Counts the lines and words of a text, and tells its most frequent words.
$namespaces:
  iana: https://www.iana.org/assignments/media-types/

requirements:
  InitialWorkDirRequirement:
    listing:
      - entryname: count.py
        entry: |
          """Count the words of a text; literal outputs go to cwl.output.json, where CWL looks for them."""
          import collections
          import csv
          import json
          import re
          import sys

          path, top = sys.argv[1], int(sys.argv[2])
          with open(path, encoding="utf-8") as source:
              text = source.read()
          words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("\u2019", "'"))
          with open("frequencies.csv", "w", newline="", encoding="utf-8") as target:
              table = csv.writer(target, lineterminator="\n")
              table.writerow(["word", "count"])
              table.writerows(sorted(collections.Counter(words).items(), key=lambda item: (-item[1], item[0]))[:top])
          with open("cwl.output.json", "w", encoding="utf-8") as target:
              json.dump({"lines": len(text.splitlines()), "words": len(words),
                         "frequencies": {"class": "File", "path": "frequencies.csv",
                                         "format": "https://www.iana.org/assignments/media-types/text/csv"}}, target)
          print(f"{len(words)} words, {len(set(words))} different ones")

baseCommand: [python3, count.py]

inputs:
  text:
    type: File
    label: The text, UTF-8
    inputBinding: {position: 1}
  top:
    type: int
    default: 10
    label: How many of the most frequent words are listed
    inputBinding: {position: 2}

outputs:
  lines:
    type: int
    label: Number of lines
  words:
    type: int
    label: Number of words
  frequencies:
    type: File
    format: iana:text/csv
    label: The most frequent words with their counts
