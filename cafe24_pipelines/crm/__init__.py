"""CRM analytics over the lake: RFM, cohorts."""
