package main

import (
	"io"
	"net/url"
	"path/filepath"

	"qcowscope/core/report"
)

// SARIF 2.1.0 is the form in which code hosts and editors take findings of static analysis.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"semanticVersion,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
	Full  sarifText `json:"fullDescription"`
	Help  sarifText `json:"help"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	ByteOffset exact `json:"byteOffset"`
	ByteLength exact `json:"byteLength"`
}

// sarifLevels are SARIF's words for our severities.
var sarifLevels = map[string]string{"danger": "error", "damage": "error", "warning": "warning", "waste": "note", "note": "note"}

// writeSARIF prints every finding that was kept, with its place in bytes.
func writeSARIF(w io.Writer, all []checked) {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "qcowscope", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	invocation := sarifInvocation{Successful: true}
	rules := map[string]int{}
	for _, r := range all {
		if r.Problem != nil {
			invocation.Successful = false
			note := sarifNotification{"error", sarifText{printable(r.Problem.What)}, []sarifLocation{{sarifPhysical{Artifact: artifactOf(r.Filename)}}}}
			invocation.Notifications = append(invocation.Notifications, note)
			continue
		}
		for _, g := range r.Check.Groups {
			if _, ok := rules[g.Code]; !ok {
				rules[g.Code] = len(rules)
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{g.Code, sarifText{g.Title}, sarifText{g.Meaning}, sarifText{g.Cure}})
			}
		}
		for _, f := range r.Check.Findings {
			run.Results = append(run.Results, sarifResult{f.Code, rules[f.Code], sarifLevels[f.Severity], sarifText{printable(f.What)},
				[]sarifLocation{{sarifPhysical{artifactOf(r.Filename), regionOf(f)}}}, map[string]string{"finding/v1": f.ID}})
		}
	}
	run.Invocations = []sarifInvocation{invocation}
	writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// artifactOf is a file name as a URI, relative if the name is.
func artifactOf(name string) sarifArtifact {
	if isURL(name) {
		return sarifArtifact{name}
	}
	u := url.URL{Path: filepath.ToSlash(name)}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
	}
	return sarifArtifact{u.String()}
}

// regionOf is the field that is wrong, or else what it is about. A place that SARIF's
// integers cannot say is left out.
func regionOf(f report.Finding) *sarifRegion {
	const most = 1 << 53
	switch {
	case f.FieldOffset != nil && *f.FieldOffset < most:
		return &sarifRegion{*f.FieldOffset, 8}
	case f.HostOffset != nil && *f.HostOffset < most && *f.HostLength < most:
		return &sarifRegion{*f.HostOffset, *f.HostLength}
	}
	return nil
}
