//! What the superuser says to the primary, through HAProxy and in TLS as the bank.

use std::process::Command;
use std::time::Duration;

use super::certificates::NAME;
use super::database::Cluster;
use super::wait::wait_for;
use crate::Result;

impl Cluster<'_> {
    /// How many connections the bank has, and with which versions of TLS.
    pub fn encryption(&self) -> Result<String> {
        let said = self.psql(
            "SELECT string_agg(text, ', ') FROM (SELECT count(*) || ' of the bank in ' || \
             coalesce(version, 'plain text') AS text FROM pg_stat_ssl JOIN pg_stat_activity \
             USING (pid) WHERE usename = 'bank' GROUP BY version) AS counted",
        )?;
        Ok(said.trim().to_owned())
    }

    /// The bank's role and its database.
    pub(super) fn make_database(&self) -> Result<()> {
        let password = &self.shared.passwords.bank;
        self.psql(&format!("CREATE ROLE bank LOGIN PASSWORD '{password}'"))?;
        self.psql("CREATE DATABASE bank OWNER bank")?;
        Ok(())
    }

    /// A statement of the superuser, through HAProxy; gives what it printed.
    fn psql(&self, statement: &str) -> Result<String> {
        let mut psql = Command::new(self.shared.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", NAME, "-U", "postgres"])
            .args(["-p", &self.haproxy_port.to_string(), "-d", "postgres", "-c", statement])
            .env("PGPASSWORD", &self.shared.passwords.superuser)
            .env("PGHOSTADDR", "127.0.0.1")
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", self.shared.authority.certificate());
        let mut printed = String::new();
        let attempt = || {
            let output = psql.output().map_err(|error| format!("psql does not start: {error}"))?;
            let complaint = String::from_utf8_lossy(&output.stderr);
            printed = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() { Ok(true) } else { Err(complaint.trim().to_owned()) }
        };
        wait_for("a primary behind HAProxy", Duration::from_secs(10), attempt)?;
        Ok(printed)
    }
}
