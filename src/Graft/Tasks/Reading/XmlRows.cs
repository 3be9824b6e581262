using System.Text;
using System.Xml;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads an XML document whose elements below the root are rows, as the articles of Hyperpartisan News are. Stateless.</summary>
internal static class XmlRows
{
    /// <summary>Rows of a column for each attribute, and of <c>text</c>: all text inside the element, with one blank between words.</summary>
    /// <exception cref="GraftException">The document is not well formed, has a DTD, or is no list of elements.</exception>
    public static IEnumerable<Row> Read(Stream stream, string file)
    {
        using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, IgnoreComments = true });
        while (Guarded(reader, file, r => r.Read()))
        {
            if (reader is { NodeType: XmlNodeType.Element, Depth: 1 })
            {
                yield return Guarded(reader, file, r => One(r, file));
            }
            else if (reader is { NodeType: XmlNodeType.Text or XmlNodeType.CDATA, Depth: 1 })
            {
                throw new GraftException($"{file}, line {Line(reader)}: text between the rows, expected elements only; mend the file.");
            }
        }
    }

    private static DelimitedRow One(XmlReader reader, string file)
    {
        var (line, names, values) = (Line(reader), new List<string>(), new List<string>());
        for (var more = reader.MoveToFirstAttribute(); more; more = reader.MoveToNextAttribute())
        {
            names.Add(reader.Name);
            values.Add(reader.Value);
        }

        reader.MoveToElement();
        var text = new StringBuilder();
        if (!reader.IsEmptyElement)
        {
            while (reader.Read() && reader.Depth > 1)
            {
                // Marks between words are blanks: <p>one</p><p>two</p> are two words.
                text.Append(reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace ? reader.Value : " ");
            }
        }

        string[] plain = text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return new DelimitedRow(file, line, [.. values, string.Join(' ', plain)], new Columns($"{file}, line {line}", [.. names, "text"], names.Count + 1));
    }

    private static int Line(XmlReader reader) => ((IXmlLineInfo)reader).LineNumber;

    private static T Guarded<T>(XmlReader reader, string file, Func<XmlReader, T> read)
    {
        try
        {
            return read(reader);
        }
        catch (XmlException fault)
        {
            throw new GraftException($"{file}, line {Math.Max(1, fault.LineNumber)}: not well-formed XML ({Reason(fault)}); get the file again, or mend it there.", fault);
        }
    }

    // The sentence of the parser without its own place and its full stops, which a sentence of ours has once.
    private static string Reason(XmlException fault)
    {
        if (fault.Message.Contains("DTD", StringComparison.Ordinal))
        {
            return "a document type, which is not read";
        }

        var place = fault.Message.IndexOf(" Line ", StringComparison.Ordinal);
        var reason = (place > 0 ? fault.Message[..place] : fault.Message).TrimEnd('.').ReplaceLineEndings(" ");
        return reason.Length > 0 ? char.ToLowerInvariant(reason[0]) + reason[1..] : reason;
    }
}
