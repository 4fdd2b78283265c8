#!/usr/bin/env bash
# Let compose itself parse docker-compose.yml, with throwaway values for what .env must set.
set -euo pipefail
cd "$(dirname "$0")/.."

compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

if ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends docker-compose >/dev/null
  else
    echo "compose is not installed; install Docker Compose to check docker-compose.yml" >&2
    exit 1
  fi
fi

for name in DAGSTER_POSTGRES_PASSWORD CAFE24_ENCRYPTION_KEY NEO4J_PASSWORD QDRANT_API_KEY LLM_API_KEY; do
  export "$name=only-for-parsing"
done
compose -f docker-compose.yml config >/dev/null
echo "docker-compose.yml: parsed by $(compose version --short 2>/dev/null || compose version | head -n 1)"
