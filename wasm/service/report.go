package service

import (
	"context"
	"encoding/json"
)

// reportSchema is the version of the report's form.
const reportSchema = 1

// jsonReport is the whole outcome as a file. It holds no guest bytes.
type jsonReport struct {
	Schema   int           `json:"schema"`
	Program  string        `json:"program"`
	Info     Info          `json:"info"`
	Verdict  Verdict       `json:"verdict"`
	Findings []FindingView `json:"findings"`
}

// Report is the outcome of the check as JSON.
func (s *Session) Report(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return nil, errNotChecked
	}
	r := jsonReport{Schema: reportSchema, Program: "qcowscope", Info: infoOf(s.name, s.now.img), Verdict: s.verdict(), Findings: []FindingView{}}
	for _, g := range s.now.report.Groups {
		for _, f := range g.Findings {
			r.Findings = append(r.Findings, findingView(f, s.now.img.Geo))
		}
	}
	return json.MarshalIndent(r, "", "  ")
}
