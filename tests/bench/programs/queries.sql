-- SPDX-License-Identifier: MIT
-- sqlite3 as an allocating program: a table of @ROWS@ rows in memory, indexed, grouped, joined, sorted, updated.
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, price REAL);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @ROWS@)
	INSERT INTO item SELECT i, 'item ' || (i * 7919 % 100003), i % 97, i * 1.25 FROM n;
CREATE INDEX by_name ON item (name);
SELECT kind, count(*), sum(price), max(name), group_concat(substr(name, -2)) FROM item GROUP BY kind ORDER BY 2 DESC, 1;
SELECT count(*) FROM item a JOIN item b ON a.name = b.name AND a.id < b.id;
SELECT name || ':' || printf('%.2f', price) FROM item WHERE name LIKE '%99%' ORDER BY name, id LIMIT 20;
SELECT upper(name), count(DISTINCT kind) FROM item GROUP BY substr(name, 1, 8) HAVING count(*) > 5 ORDER BY 1 LIMIT 20;
UPDATE item SET name = name || '!' WHERE id % 3 = 0;
SELECT json_group_array(json_object('id', id, 'name', name)) FROM item WHERE id % 50 = 0;
