"""Tables and indexes of the sandbox mall's file. Times are `t` (see `moments.py`), `NEVER` for not (yet).

`persons` holds members and guests alike (a guest has no `member_id`); `orders.items` is JSON
`[[product index, variant index, quantity, unit price], …]`. Money is in the shop's smallest unit: won, or cents.
"""

from typing import Final

VERSION: Final = 1
"""Part of a finished file's arguments: a file of another version is built anew."""

TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE persons (
  id INTEGER PRIMARY KEY, member_id TEXT, name TEXT, email TEXT, cellphone TEXT, zipcode TEXT, address TEXT,
  joined INT, left_at INT, tier INT, promoted INT, gender TEXT, birthday TEXT, sms TEXT, mail TEXT, logins BLOB);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, order_id TEXT, shop INT, buyer INT, member INT, claim INT, lines INT,
  ordered INT, paid INT, placed INT, shipped INT, delivered INT, confirmed INT,
  requested INT, accepted INT, completed INT, refunded INT, deleted INT,
  goods INT, discount INT, shipping INT, coupon INT, first INT, receiver TEXT, message TEXT, items TEXT);
CREATE TABLE order_lines (product INT, order_no INT, PRIMARY KEY (product, order_no)) WITHOUT ROWID;
CREATE TABLE issues (
  issue_no INTEGER PRIMARY KEY, coupon INT, member INT, issued INT, expires INT, used INT, order_id TEXT);
CREATE TABLE carts (
  id INTEGER PRIMARY KEY, member INT, product INT, variant INT, quantity INT, opened INT, closed INT);
CREATE TABLE wishes (id INTEGER PRIMARY KEY, member INT, product INT, variant INT, opened INT, closed INT);
CREATE TABLE articles (
  id INTEGER PRIMARY KEY, board INT, article_no INT, parent INT, member INT, product INT, order_id TEXT,
  created INT, deleted INT, replied INT, rating INT, title TEXT, content TEXT, client_ip TEXT);
CREATE TABLE points (
  id INTEGER PRIMARY KEY, member INT, at INT, kind TEXT, gain INT, loss INT, total INT, earned INT, order_id TEXT,
  ordered INT);
CREATE TABLE credits (
  id INTEGER PRIMARY KEY, member INT, at INT, kind TEXT, gain INT, loss INT, balance INT, order_id TEXT);
CREATE TABLE shelf_days (
  day INT, product INT, views INT, carts INT, sold INT, PRIMARY KEY (day, product)) WITHOUT ROWID;
CREATE TABLE page_hours (hour INTEGER PRIMARY KEY, views INT);
CREATE TABLE visitor_days (day INTEGER PRIMARY KEY, uniques INT, visits INT, firsts INT);
CREATE TABLE sales_hours (
  shop INT, hour INT, orders INT, items INT, goods INT, shipping INT, discount INT, refund INT,
  PRIMARY KEY (shop, hour)) WITHOUT ROWID;
CREATE TABLE product_hours (
  shop INT, hour INT, product INT, variant INT, settled INT, refunded INT, exchanged INT, cancelled INT, returned INT,
  PRIMARY KEY (shop, hour, product, variant)) WITHOUT ROWID;
"""

INDEXES: Final = """
CREATE UNIQUE INDEX persons_id ON persons (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX persons_joined ON persons (joined, id, left_at) WHERE member_id IS NOT NULL;
CREATE INDEX persons_promoted ON persons (promoted) WHERE tier > 1;
CREATE INDEX persons_left ON persons (left_at) WHERE left_at < 1099511627776;
CREATE UNIQUE INDEX orders_id ON orders (order_id);
CREATE INDEX orders_ordered ON orders (shop, ordered, id, deleted);
CREATE INDEX orders_paid ON orders (shop, paid, deleted, ordered);
CREATE INDEX orders_placed ON orders (shop, placed, deleted, ordered);
CREATE INDEX orders_shipped ON orders (shop, shipped, deleted, ordered);
CREATE INDEX orders_delivered ON orders (shop, delivered, deleted, ordered);
CREATE INDEX orders_confirmed ON orders (shop, confirmed, deleted, ordered);
CREATE INDEX orders_requested ON orders (shop, requested, claim, deleted, ordered) WHERE claim > 0;
CREATE INDEX orders_accepted ON orders (shop, accepted, claim, deleted, ordered) WHERE claim > 0;
CREATE INDEX orders_completed ON orders (shop, completed, claim, deleted, ordered) WHERE claim > 0;
CREATE INDEX orders_refunded ON orders (shop, refunded, claim, deleted, ordered) WHERE claim > 0;
CREATE INDEX orders_deleted ON orders (deleted) WHERE deleted < 1099511627776;
CREATE INDEX orders_member ON orders (member, ordered) WHERE member IS NOT NULL;
CREATE INDEX issues_coupon ON issues (coupon, issue_no, issued, used);
CREATE INDEX issues_issued ON issues (coupon, issued, issue_no);
CREATE INDEX issues_member ON issues (member);
CREATE INDEX carts_product ON carts (product, opened, closed);
CREATE INDEX carts_opened ON carts (opened);
CREATE INDEX carts_member ON carts (member);
CREATE INDEX wishes_member ON wishes (member);
CREATE INDEX wishes_product ON wishes (product);
CREATE INDEX articles_board ON articles (board, created, deleted);
CREATE UNIQUE INDEX articles_no ON articles (board, article_no);
CREATE INDEX points_at ON points (at, kind);
CREATE INDEX points_member ON points (member, at);
CREATE INDEX credits_at ON credits (at, kind);
CREATE INDEX credits_member ON credits (member, at);
"""
