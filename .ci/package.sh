#!/usr/bin/env bash
# The package as its users get it: packed, installed into an empty folder, started. Expects a build.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --ignore-scripts --silent --pack-destination "$folder" >/dev/null
cd "$folder"
echo '{"private":true}' >package.json
npm install --no-audit --no-fund --loglevel=error ./warmpath-*.tgz
./node_modules/.bin/warmpath --version
cat >config.yaml <<'YAML'
model_list:
  - model_name: claude-sonnet-5-5
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-ant-dummy-0000 }
YAML
./node_modules/.bin/warmpath check config.yaml
