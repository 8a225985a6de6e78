package importer

// ScanWithin is Scan with limits that a test reaches in no time.
var ScanWithin = scan
