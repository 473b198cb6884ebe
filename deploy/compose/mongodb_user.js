// MongoDB's image runs this once, on an empty data volume: a user who may use the service's database and nothing else.
const password = require("fs").readFileSync("/run/secrets/mongodb_password", "utf8").trim();
db.getSiblingDB("search_by_image").createUser({
  user: "search_by_image",
  pwd: password,
  roles: [{ role: "readWrite", db: "search_by_image" }],
});
