// Preloaded into Node: every name is this machine, so that a direct connection is seen here and nowhere else.
const dns = require("dns");
dns.lookup = (name, options, callback) => {
  const done = callback || options;
  const literal = require("net").isIP(name);
  const address = literal ? name : "127.0.0.1";
  const family = literal || 4;
  if (options && options.all) return done(null, [{ address, family }]);
  return done(null, address, family);
};
