#!/usr/bin/env bash
# The smoke experiment in a copy of the tree, so that params.yaml, dvc.lock and reports stay as they
# are: run it with every strategy, run it again (nothing to do), commit its report, verify the artifacts against it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$root" && git ls-files -z --cached --others --exclude-standard) \
  | (cd "$root" && xargs -0 -I{} sh -c 'test -e "$1" && printf "%s\0" "$1"' _ {}) \
  | (cd "$root" && tar --null --files-from=- --create) | tar --extract --directory "$folder"
cd "$folder"
git init --quiet .
rm -f dvc.lock
strategies=scratch,frozen,full,frozen_bilstm,gradual,lora,stack
PYTHONPATH="$folder/src" python -m polyseme.compose experiment=smoke runtime.num_threads=1 "strategy=[$strategies]"
export PYTHONPATH="$folder/src"
python -m polyseme.cli repro --jobs 2
python -m polyseme.cli repro --jobs 2 | tee again.txt
grep -q "up to date" again.txt
for file in README.md index.html results.parquet manifest.json metrics/finetune.json; do
  test -s "reports/smoke/$file" || { echo "error: reports/smoke/$file is missing"; exit 1; }
done
git add reports/smoke
git -c user.name=smoke -c user.email=smoke@localhost commit --quiet --message "smoke"
python -m polyseme.cli verify smoke
echo "smoke: passed"
