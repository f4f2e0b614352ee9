#!/usr/bin/env bash
# A box in an uploaded picture, with curl: upload, ask, wait, fetch.
#
#     bash flowinone-serve/examples/client.sh picture.png [http://127.0.0.1:7860]
set -euo pipefail
file=$1
server=${2:-http://127.0.0.1:7860}
server=${server%/}
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/"; }

picture=$(curl -sf --data-binary "@$file" -H 'content-type: application/octet-stream' "$server/api/v1/pictures" | field picture)
job=$(curl -sf -H 'content-type: application/json' "$server/api/v1/jobs" \
    -d "{\"task\":\"text-box\",\"picture\":\"$picture\",\"box\":[\"55%\",\"30%\",\"35%\",\"40%\"],\"text\":\"put an apple\"}" | field id)
# The stream ends when the job is over.
curl -sfN "$server/api/v1/jobs/$job/events" | sed -n 's/^event: //p'
curl -sf -o box.png "$server/api/v1/jobs/$job/picture"
echo box.png
