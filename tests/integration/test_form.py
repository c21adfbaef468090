"""`penstock form`: the setup form as people see it and as the platform gets it. What is printed is
held by golden/form*.txt; see test_commands.py for how they are made again."""

import json
import os
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent / "golden"
MEMBERS = {
    "name", "label", "required", "description", "text_field", "dropdown_field", "toggle_field",
    "default_value", "placeholder", "conditional_fields", "upload_field",
    "descriptive_dropdown_fields",
}  # fmt: skip


def check_golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("RENEW_GOLDEN") == "1":
        path.write_text(text)
    assert path.read_text() == text


def fields_of(fields, conditions=()):
    """Every field with the conditions it stands under, outermost first."""
    for field in fields:
        yield field, conditions
        if "conditional_fields" in field:
            inner = field["conditional_fields"]
            yield from fields_of(inner["fields"], (*conditions, inner["condition"]))


def form_of(penstock, *arguments):
    done = penstock("form", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_form_of_one_source_is_the_golden_one(penstock):
    for source in ["ehr", "example"]:
        done = penstock("form", "--source", source)
        assert (done.code, done.err) == (0, "")
        check_golden(f"form-{source}", done.out)


def test_form_of_all_sources_begins_with_the_choice_of_one(penstock):
    done = penstock("form")
    assert (done.code, done.err) == (0, "")
    check_golden("form", done.out)
    form = form_of(penstock)
    first = form["fields"][0]
    sources = first["descriptive_dropdown_fields"]["descriptive_dropdown_field"]
    assert (first["name"], first["required"]) == ("source", True)
    assert {"ehr", "postgresql", "yugabytedb"} <= {source["value"] for source in sources}
    assert all(source["label"] and source["description"] for source in sources)
    assert [test["name"] for test in form["tests"]] == ["connect", "select"]
    assert form["schema_selection_supported"] is form["table_selection_supported"] is True


def test_every_field_has_one_kind_and_a_name_of_its_own(penstock):
    kinds = {name for name in MEMBERS if name.endswith(("_field", "_fields"))}
    for arguments in [[], ["--source", "ehr"], ["--source", "postgresql"]]:
        fields = [field for field, _ in fields_of(form_of(penstock, *arguments)["fields"])]
        names = [field["name"].lower() for field in fields]
        assert len(names) == len(set(names))
        for field in fields:
            assert set(field) <= MEMBERS and field["label"]
            assert len(kinds & set(field)) == 1
            assert ("required" in field) == ("conditional_fields" not in field)


def test_conditions_look_at_fields_that_are_there(penstock):
    found = list(fields_of(form_of(penstock)["fields"]))
    names = {field["name"]: field for field, _ in found}
    for _, conditions in found:
        for condition in conditions:
            looked_at = names[condition["condition_field"]]
            assert ("bool_value" in condition) == ("toggle_field" in looked_at)


def test_shared_keys_have_the_source_before_them_and_belong_to_it(penstock):
    found = {field["name"]: conditions for field, conditions in fields_of(
        form_of(penstock)["fields"])}  # fmt: skip
    assert "host" not in found and "port" not in found
    for source in ["postgresql", "yugabytedb"]:
        chosen = {"condition_field": "source", "string_value": source}
        assert found[f"{source}_host"] == (chosen,)
        advanced = {"condition_field": "show_advanced", "bool_value": True}
        assert found[f"{source}_lock_timeout"] == (advanced, chosen)
    assert found["ehr_seed"] == ({"condition_field": "source", "string_value": "ehr"},)
    alone = form_of(penstock, "--source", "postgresql")["fields"]
    assert "host" in {field["name"] for field, _ in fields_of(alone)}


def test_conditions_of_a_source_nest_in_its_own(penstock):
    found = {field["name"]: conditions for field, conditions in fields_of(
        form_of(penstock)["fields"])}  # fmt: skip
    chosen = {"condition_field": "source", "string_value": "example"}
    for name, method in [("client_secret", "OAuth2.0"), ("api_key", "API Key"),
                         ("example_password", "Basic Auth")]:  # fmt: skip
        shown = {"condition_field": "authenticationMethod", "string_value": method}
        assert found[name] == (chosen, shown)


def test_what_the_form_of_all_sources_gives_is_a_configuration(penstock):
    """Every field filled as the platform would, those of the other sources too: no warning."""
    settings = {}
    for field, _ in fields_of(form_of(penstock)["fields"]):
        if "conditional_fields" not in field:
            settings[field["name"]] = field.get("default_value", "")
    penstock.configure({**settings, "source": "ehr", "ehr_patients": "20",
                        "postgresql_host": "db", "yugabytedb_password": "x"})  # fmt: skip
    done = penstock("plan", "--config", "configuration.json", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.document["source"], done.document["warnings"]) == ("ehr", [])


def test_a_key_with_the_source_before_it_is_taken_and_wins(penstock):
    penstock.configure({"source": "ehr", "ehr_patients": "x", "ehr_ehr_patients": "20"})
    done = penstock("plan", "--config", "configuration.json")
    assert done.code == 0
    assert '"ehr_patients" and "ehr_ehr_patients" set the same option; the latter' in done.err
    penstock.configure({"postgresql_host": "/nonexistent"})
    done = penstock("check", "--config", "configuration.json")
    assert (done.code, '"database" and "user" must be set' in done.err) == (2, True)


def test_an_unknown_source_is_named_with_those_there_are(penstock):
    done = penstock("form", "--source", "oracle")
    assert (done.code, done.out) == (2, "")
    assert "`oracle`" in done.err and "postgresql" in done.err


FILLED = {
    "source": "example",
    "apiBaseURL": "https://api.example.com/v1",
    "authenticationMethod": "oauth2.0",
    "clientId": "planted-client",
    "password": "planted-password",
    "shouldEnableMetrics": "yes",
    "uploadFile": "aGVsbG8=",
    "max_retries": "7",
}


def test_form_of_a_configuration_shows_its_values(penstock):
    done = penstock("form", "--config", penstock.configure(FILLED))
    assert (done.code, done.err) == (0, "")
    text = done.out
    assert "  value: https://api.example.com/v1\n" in text
    assert "  value: OAuth2.0\n" in text and "  value: a file of 5 bytes\n" in text
    assert "planted" not in text and text.count("value: ***") == 2
    assert text.count("value: missing") == 1  # the client's secret
    assert "when authenticationMethod is OAuth2.0: OAuth 2.0" in text
    assert "[api_key]" not in text and "[username]" not in text
    assert "when authenticationMethod is Basic Auth, which it is not" in text
    assert "when show_advanced is true, which it is not" in text
    assert "  value: 7\n" in text and "[retry_sleep_seconds]" not in text


def test_form_of_a_configuration_shows_what_its_toggles_show(penstock):
    settings = {"source": "example", "show_advanced": "true"}
    text = penstock("form", "--config", penstock.configure(settings)).out
    assert "when show_advanced is true: " in text and "[retry_sleep_seconds]" in text
    assert "which it is not" not in text


def test_values_stand_beside_the_form_in_the_document(penstock):
    path = penstock.configure(FILLED)
    document = form_of(penstock, "--config", path)
    assert document.pop("configuration") == {
        "apiBaseURL": "https://api.example.com/v1",
        "authenticationMethod": "OAuth2.0",
        "client_id": "***",
        "password": "***",
        "shouldEnableMetrics": "true",
        "uploadFile": "a file of 5 bytes",
        "max_retries": "7",
    }
    assert document == form_of(penstock, "--source", "example")


def test_form_of_a_wrong_configuration_is_refused(penstock):
    path = penstock.configure({"source": "ehr", "ehr_patients": "many"})
    done = penstock("form", "--config", path)
    assert done.code == 2 and "ehr_patients" in done.err
    assert penstock("form", "--config", "absent.json").code == 2
    done = penstock("form", "--config", path, "--source", "ehr")
    assert done.code == 2 and "--source" in done.err
