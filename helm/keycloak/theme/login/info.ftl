<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=false isOwn=true; section>
  <#if section = "header">
    <#if messageHeader??>${kcSanitize(msg("${messageHeader}"))?no_esc}<#else>${message.summary}</#if>
  <#elseif section = "form">
      <#if messageHeader?? || requiredActions??>
      <p class="sign-in__text">${message.summary}<#if requiredActions??><#list requiredActions>: <#items as action>${kcSanitize(msg("requiredAction.${action}"))?no_esc}<#sep>, </#items></#list></#if></p>
      </#if>
      <#if !skipLink??>
      <p class="form__actions">
        <#if pageRedirectUri?has_content>
        <a class="btn btn--primary" href="${pageRedirectUri}"><span class="btn__label">${msg("backToApplication")}</span></a>
        <#elseif actionUri?has_content>
        <a class="btn btn--primary" href="${actionUri}"><span class="btn__label">${msg("proceedWithAction")}</span></a>
        <#elseif (client.baseUrl)?has_content>
        <a class="btn btn--primary" href="${client.baseUrl}"><span class="btn__label">${msg("backToApplication")}</span></a>
        </#if>
      </p>
      </#if>
  </#if>
</@layout.registrationLayout>
