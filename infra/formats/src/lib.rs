//! Report formats: SARIF, CycloneDX, SPDX, CSV and HTML.
