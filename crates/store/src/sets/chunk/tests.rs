//! Whatever the number of rows.

use rusqlite::Connection;

use super::*;
use crate::params;

#[test]
fn any_number_of_rows_is_inserted_once_and_what_is_left_out_is_told() {
    static INSERT: std::sync::LazyLock<Insert> = std::sync::LazyLock::new(|| {
        Insert::new("INSERT INTO things (id)", 1, "ON CONFLICT (id) DO NOTHING")
    });
    for count in 0..=100_i64 {
        let session = SqliteSession::over(Connection::open_in_memory().unwrap()).unwrap();
        session.batch("CREATE TABLE things (id INTEGER PRIMARY KEY) STRICT").unwrap();
        let rows: Vec<i64> = (0..count).collect();
        let mut told = 0;
        let insert = |rows, told: &mut usize| {
            INSERT
                .run(
                    &session,
                    rows,
                    |row: &i64| *params![*row],
                    |part| {
                        *told += part.len();
                        Ok(())
                    },
                )
                .unwrap();
        };
        insert(&rows, &mut told);
        assert_eq!(told, 0, "{count}");
        let found = session.query("SELECT id FROM things ORDER BY id", &[], 200).unwrap();
        let found: Vec<i64> = found.iter().map(|row| row.int(0).unwrap()).collect();
        assert_eq!(found, rows);
        insert(&rows, &mut told);
        assert_eq!(told, rows.len(), "{count}");
    }
}
