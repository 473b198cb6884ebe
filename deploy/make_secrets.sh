#!/bin/sh
# Writes random passwords for compose.yaml and compose.mysql.yaml into deploy/secrets; those that are there stay.
#   sh deploy/make_secrets.sh [FOLDER]
# Containers read the files under users of their own, so the folder, not the files, keeps other users out.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
umask 022

secret() { # secret NAME: prints the password in the file NAME, made now if there is none
  [ -s "$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1"
  cat "$1"
}

env_file() { # env_file NAME LINE...
  name=$1
  shift
  printf '%s\n' "$@" >"$name"
  chmod 600 "$name"
}

for name in mongodb_root_password mariadb_root_password; do secret "$name" >/dev/null; done
mongodb=$(secret mongodb_password)
mariadb=$(secret mariadb_password)
minio=$(secret minio_password)
milvus=$(secret milvus_root_password)

env_file milvus.env \
  "MINIO_SECRET_ACCESS_KEY=$minio" \
  "COMMON_SECURITY_DEFAULTROOTPASSWORD=$milvus"
env_file app.mongodb.env \
  "SEARCH_BY_IMAGE__MILVUS__PASSWORD=$milvus" \
  "SEARCH_BY_IMAGE__MONGODB__PASSWORD=$mongodb"
env_file app.mysql.env \
  "SEARCH_BY_IMAGE__MILVUS__PASSWORD=$milvus" \
  "SEARCH_BY_IMAGE__RECORDS__URL=mysql+pymysql://search_by_image:$mariadb@mariadb:3306/search_by_image"
echo "Passwords for compose.yaml and compose.mysql.yaml are in $(pwd)"
