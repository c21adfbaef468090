/*
 * Texts of the simulated hospital: names, notes, JSON and XML documents.
 */
#include "text.h"

#include <assert.h>
#include <string.h>

#include "base/random.h"
#include "hospital.h"

static const char *const given_names[] = {
    "Maria",  "José",     "Jose\u0301",  "Anaïs",    "Søren",      "Łukasz",
    "Zoë",    "Björn",    "Ingeborg",    "Chloé",    "Nguyễn Thị", "Ольга",
    "Ιωάννα", "דוד",      "مريم",        "राज",      "伟",         "さくら",
    "민준",   "𠮷男",     "Aoife",       "Siân",     "Çağla",      "Ana 👩‍⚕️",
    "John",   "Mary Ann", "D\u2019Arcy", "Þorbjörg", "Ximena",     "Ṣadé",
    "สมชาย",  "Li",       NULL,
};

static const char *const family_names[] = {
    "Smith",
    "García Márquez",
    "O'Brien",
    "Müller",
    "Øster-Lund",
    "Kovačević",
    "Nguyễn",
    "Иванова",
    "Παπαδοπούλου",
    "כהן",
    "الحسن",
    "शर्मा",
    "王",
    "田中",
    "김",
    "de la Cruz",
    "Ó Súilleabháin",
    "Åkesson",
    "Şahin",
    "Ng",
    "van den Berg",
    "Dvořáková",
    "Jr. \"Bud\" Lee",
    "Null",
    "Ceallaigh",
    "Zażółć",
    NULL,
};

static const char *const sentences[] = {
    "Patient resting comfortably, no acute distress. ",
    "Denies chest pain; reports mild dyspnoea on exertion. ",
    "T 38.4 °C, HR 92, BP 128/76, SpO₂ 97 % on room air. ",
    "Plan: continue current regimen, recheck BMP in the morning.\n",
    "Family at bedside, questions answered. ",
    "Naïve to opioids; pain 3/10 after 5 µg fentanyl. ",
    "Wound clean, dry & intact; no erythema < 1 cm round the margin. ",
    "El paciente refiere sentirse mejor desde ayer. ",
    "\tImpression:\n\t- Pneumonia, improving\n\t- Type 2 diabetes, stable\n",
    "患者は入院三日目、食欲良好。 ",
    "He said: \"I feel 100 %\"; affect bright 🙂. ",
    "Discussed with cardiology → no intervention for now.\r\n",
    NULL,
};

static const char *const languages[] = {"en", "es", "zh-Hant", "vi", "ar", "pt-BR", NULL};

void text_clear(struct ehr_text *text)
{
    text->size = 0;
}

static void append(struct ehr_text *text, const char *bytes, size_t size)
{
    assert(size <= EHR_TEXT_MAX - text->size);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void text_puts(struct ehr_text *text, const char *more)
{
    append(text, more, strlen(more));
}

void text_putc(struct ehr_text *text, char byte)
{
    append(text, &byte, 1);
}

void text_digits(struct ehr_text *text, int64_t value, int width)
{
    char digits[24];
    int at = (int)sizeof digits;

    assert(value >= 0 && width <= (int)sizeof digits);
    while (value > 0 || width > 0) {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
        width--;
    }
    append(text, digits + at, sizeof digits - (size_t)at);
}

void text_number(struct ehr_text *text, int64_t value)
{
    if (value < 0) {
        text_putc(text, '-');
        value = -value;
    }
    text_digits(text, value, 1);
}

const char *text_choice(const char *const *choices, uint64_t hash)
{
    int64_t count = 0;
    while (choices[count] != NULL) {
        count++;
    }
    return choices[ehr_pick(hash, count)];
}

void text_person(struct ehr_text *text, uint64_t hash)
{
    text_puts(text, text_choice(family_names, hash));
    text_puts(text, ", ");
    text_puts(text, text_choice(given_names, ps_hash64(hash)));
}

void text_note(struct ehr_text *text, uint64_t hash, int64_t characters)
{
    size_t end = text->size + (size_t)(characters < EHR_NOTE_MAX ? characters : EHR_NOTE_MAX);
    while (text->size < end) {
        text_puts(text, text_choice(sentences, hash));
        hash = ps_hash64(hash);
    }
}

void text_json(struct ehr_text *text, uint64_t hash)
{
    switch (hash % 8) {
    case 0:
        text_puts(text, "{}");
        return;
    case 1:
        text_puts(text, "[]");
        return;
    case 2:
        text_puts(text, "{\"note\":\"a \\\"quoted\\\" \\u00e9 \\ud83d\\ude42 \\\\ \\n 患者\"}");
        return;
    default:
        break;
    }
    text_puts(text, "{\"language\":\"");
    text_puts(text, text_choice(languages, ps_hash64(hash)));
    text_puts(text, "\",\"contact\":{\"email\":");
    text_puts(text, (hash & 8) != 0 ? "true" : "false");
    text_puts(text, ",\"phone\":");
    text_puts(text, (hash & 16) != 0 ? "null" : "\"\"");
    text_puts(text, "},\"scores\":[");
    text_number(text, (int64_t)(hash >> 50) - 8000);
    text_puts(text, ",0.1,-1.50e3,12345678901234567890123],\"visits\":");
    text_number(text, (int64_t)(hash >> 40 & 0xfff));
    text_putc(text, '}');
}

void text_xml(struct ehr_text *text, uint64_t hash)
{
    if (hash % 16 == 0) {
        text_puts(text, "<sig/>");
        return;
    }
    text_puts(text, "<sig xmlns=\"urn:example:sig\"><dose unit=\"mg\">");
    text_number(text, (int64_t)(hash >> 54));
    text_puts(text, "</dose><route code=\"PO\"/><text>Take &lt; ");
    text_number(text, (int64_t)(hash >> 40 & 15) + 1);
    text_puts(text, " tablets &amp; rest — « après repas »</text>");
    text_puts(text, (hash & 32) != 0 ? "<![CDATA[a < b && c]]>" : "<!-- none -->");
    text_puts(text, "</sig>");
}
